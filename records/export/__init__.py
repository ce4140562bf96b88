"""What is on record, as files for auditors and other programs: csv, jsonl, xlsx, parquet (docs/call-detail.md)."""
