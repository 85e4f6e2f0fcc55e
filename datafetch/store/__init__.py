"""One object store protocol: a folder or S3."""
