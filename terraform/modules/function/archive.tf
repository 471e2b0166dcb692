# The object's name carries the hash of its content: a function is built anew exactly when that changed.
resource "google_storage_bucket_object" "archive" {
  name         = var.archive.object
  bucket       = var.archive.bucket
  source       = var.archive.path
  content_type = "application/zip"

  lifecycle {
    create_before_destroy = true
  }
}
