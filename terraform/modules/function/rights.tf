locals {
  rights        = var.function.rights
  document_role = { r = "roles/datastore.viewer", rw = "roles/datastore.user" }
  blob_role     = { r = "roles/storage.objectViewer", rw = "roles/storage.objectUser" }
}

# Firestore has no policy of its own on a database: a condition confines the project's role to it.
resource "google_project_iam_member" "documents" {
  count = local.rights.documents == null ? 0 : 1

  project = var.project.id
  role    = local.document_role[local.rights.documents]
  member  = google_service_account.this.member

  condition {
    title      = "one database"
    expression = "resource.name == \"projects/${var.project.id}/databases/${var.database}\""
  }
}

resource "google_storage_bucket_iam_member" "blobs" {
  count = local.rights.blobs == null ? 0 : 1

  bucket = var.blobs_bucket
  role   = local.blob_role[local.rights.blobs]
  member = google_service_account.this.member
}

resource "google_secret_manager_secret_iam_member" "values" {
  for_each = toset(local.rights.secrets)

  secret_id = var.secrets[each.key]
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

# Keys rotate by version: the enabled ones are listed, which the accessor's role does not allow.
resource "google_secret_manager_secret_iam_member" "versions" {
  for_each = toset(local.rights.secrets)

  secret_id = var.secrets[each.key]
  role      = "roles/secretmanager.viewer"
  member    = google_service_account.this.member
}

# signBlob on itself: download URLs without a key file.
resource "google_service_account_iam_member" "signer" {
  count = local.rights.sign_urls ? 1 : 0

  service_account_id = google_service_account.this.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.this.member
}
