# A plan lies here under its commit. It can be written once and not be changed: what is applied is what was reviewed.
resource "google_storage_bucket" "plans" {
  #checkov:skip=CKV_GCP_62:Only the two accounts of the pipeline reach it; Cloud Build's history says who ran what.
  #checkov:skip=CKV_GCP_78:Its retention forbids to overwrite an object: there are no versions.
  name                        = "${var.project_id}-plans"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  retention_policy {
    retention_period = 2592000
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 90
    }
  }
}

resource "google_storage_bucket_iam_member" "plans_writer" {
  bucket = google_storage_bucket.plans.name
  role   = "roles/storage.objectCreator"
  member = google_service_account.plan.member
}

# `gcloud storage cp` asks first whether its target is there; who may not look is told 403, and nothing is copied.
resource "google_storage_bucket_iam_member" "plans_writer_looks" {
  bucket = google_storage_bucket.plans.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.plan.member
}

resource "google_storage_bucket_iam_member" "plans_reader" {
  bucket = google_storage_bucket.plans.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.apply.member
}
