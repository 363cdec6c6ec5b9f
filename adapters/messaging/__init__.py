"""What leaves by SNS, SQS, Firehose and SES."""
