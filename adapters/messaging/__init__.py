"""Outgoing messages through SNS, SQS, Firehose and SES."""
