resource "google_storage_bucket" "orders" {
  #checkov:skip=CKV_GCP_62:Only service accounts reach it; its access logs would hold signatures of downloads.
  #checkov:skip=CKV_GCP_78:An erased object must not live on as an old version; soft delete covers mistakes for a week.
  name                        = "${var.project_id}-orders"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  # Whatever is removed by mistake can be brought back for a week; after that an erasure is final.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # Orders remove their own objects; this catches what an error left behind.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.order_days + 1
      matches_prefix = ["orders/"]
    }
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.history_days
      matches_prefix = ["energy/history/"]
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
