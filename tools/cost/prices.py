"""The only table of list prices. First tiers, no free tier, no savings plan."""

from dataclasses import dataclass

REGION = "us-east-1"
REMEMBERED = "from memory, check before use"


@dataclass(frozen=True, slots=True)
class Price:
    """A price.

    Attributes
    ----------
    dollars: for one `unit`.
    units: how many counted units one `unit` is.
    source: where it was last seen, and of when that is.
    """

    service: str
    unit: str
    dollars: float
    units: float
    source: str

    def of(self, amount: float) -> float:
        return amount / self.units * self.dollars


M, GB = 1e6, 2.0**30
_AIRBYTE = "airbyte.com, DynamoDB pricing, 2025-07-21"
_GUIDE = "awsforengineers.com, API Gateway pricing, 2025-05-19"
_SQS = "cloudburn.io, SQS pricing, 2026-03-14"
_SNS = "factualminds.com, SNS pricing, 2026-06-13"
_WATCH = "factualminds.com, CloudWatch pricing, 2026-06-13"
_SIGNOZ = "signoz.io, CloudWatch pricing, 2026-02-15"
_LAMBDA = "cloudchipr.com, Lambda pricing, 2024"
_AMNIC = "amnic.com, API Gateway pricing"
_LIST = "a public note after the Price List API, 2026"

PRICES: dict[str, Price] = {
    "frame": Price("API Gateway", "million WebSocket messages of 32 KB", 1.00, M, _GUIDE),
    "connected": Price("API Gateway", "million connection minutes", 0.25, M, _AMNIC),
    "http": Price("API Gateway", "million HTTP API requests", 1.00, M, _GUIDE),
    "wru": Price("DynamoDB", "million write request units of 1 KB", 0.625, M, _AIRBYTE),
    "rru": Price("DynamoDB", "million read request units of 4 KB", 0.125, M, _AIRBYTE),
    "stored": Price("DynamoDB", "GB-month stored", 0.25, GB, "aws.amazon.com, DynamoDB pricing"),
    "recovery": Price("DynamoDB", "GB-month of point-in-time recovery", 0.20, GB, REMEMBERED),
    "publish": Price("SNS FIFO", "million publish requests of 64 KB", 0.30, M, _SNS),
    "published": Price("SNS FIFO", "GB published", 0.017, GB, _LIST),
    "notified": Price("SNS FIFO", "million messages to subscriptions", 0.01, M, _LIST),
    "notified_bytes": Price("SNS FIFO", "GB to subscriptions", 0.001, GB, _LIST),
    "sent": Price("SNS to SQS", "million FIFO sends by SNS, if SQS bills them", 0.50, M, _SQS),
    "sqs_fifo": Price("SQS", "million FIFO requests of 64 KB", 0.50, M, _SQS),
    "sqs": Price("SQS", "million standard requests of 64 KB", 0.40, M, _SQS),
    "invocation": Price("Lambda", "million requests", 0.20, M, _LAMBDA),
    "gb_second": Price("Lambda", "GB-second, arm64", 0.0000133334, 1, _LAMBDA),
    "kms": Price("KMS", "10,000 requests", 0.03, 1e4, "a public note of 2019-10-30, github.com"),
    "kms_key": Price("KMS", "key-month", 1.00, 1, "a public note of 2019-10-30, github.com"),
    "logged": Price("CloudWatch", "GB of logs ingested", 0.50, GB, _WATCH),
    "log_stored": Price(
        "CloudWatch", "GB-month of logs stored", 0.03, GB, "hykell.com, CloudWatch Logs pricing"
    ),
    "metric": Price("CloudWatch", "metric-month", 0.30, 1, _SIGNOZ),
    "alarm": Price("CloudWatch", "alarm-metric-month", 0.10, 1, "c3x.dev, CloudWatch alarms"),
    "dashboard": Price("CloudWatch", "dashboard-month", 3.00, 1, _WATCH),
    "archived": Price("Firehose", "GB taken, in records of 5 KB", 0.029, GB, _LIST),
    "converted": Price("Firehose", "GB converted to Parquet", 0.018, GB, REMEMBERED),
    "trace": Price("X-Ray", "million traces recorded", 5.00, M, "aws.amazon.com, X-Ray pricing"),
    "secret": Price("Secrets Manager", "secret-month", 0.40, 1, "AWS's page as copied, 2026-09-20"),
    "out": Price("Transfer", "GB to the internet", 0.09, GB, _GUIDE),
}
