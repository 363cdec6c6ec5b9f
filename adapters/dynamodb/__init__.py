"""DynamoDB: the log, views, accounts, connections and keys of a deployed stack."""
