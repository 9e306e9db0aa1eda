package blobs

// The drivers that are built in, beside folders. docs/decisions/0023-artifacts.md says what each
// costs.
import _ "gocloud.dev/blob/s3blob"
