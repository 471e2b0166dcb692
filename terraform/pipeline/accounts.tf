locals {
  # Planning reads how things are set up. None of these roles opens a document, an object of an order or a secret's
  # value; the basic role `viewer` would.
  plan_roles = toset([
    "roles/artifactregistry.reader", # the build image too
    "roles/browser",
    "roles/cloudfunctions.viewer",
    "roles/cloudscheduler.viewer",
    "roles/compute.viewer",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/logging.logWriter",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "roles/pubsub.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageConsumer",
  ])

  # Applying sets policies, which is as much as owning the project: only builds that somebody approved run as it.
  apply_roles = toset([
    "roles/artifactregistry.admin",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.securityAdmin",
    "roles/datastore.owner",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/logging.configWriter",
    "roles/logging.logWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ])
}

resource "google_service_account" "plan" {
  account_id   = "deploy-plan"
  display_name = "Checks, packages and plans"
}

resource "google_service_account" "apply" {
  account_id   = "deploy-apply"
  display_name = "Applies plans that were approved"
}

resource "google_project_iam_custom_role" "plan" {
  role_id     = "deployPlan"
  title       = "Reads how documents and buckets are set up"
  description = "Not what is in them"
  permissions = [
    "datastore.backupSchedules.get",
    "datastore.backupSchedules.list",
    "datastore.databases.get",
    "datastore.databases.getMetadata",
    "datastore.databases.list",
    "datastore.indexes.get",
    "datastore.indexes.list",
    "storage.buckets.get",
  ]
}

resource "google_project_iam_member" "plan" {
  for_each = local.plan_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.plan.member
}

resource "google_project_iam_member" "plan_custom" {
  project = var.project_id
  role    = google_project_iam_custom_role.plan.id
  member  = google_service_account.plan.member
}

# The archives that were uploaded before.
resource "google_project_iam_member" "plan_archives" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.plan.member

  condition {
    title      = "archives of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/${var.project_id}-archives/\")"
  }
}

resource "google_project_iam_member" "apply" {
  #checkov:skip=CKV_GCP_41:It makes the functions' accounts and deploys functions that run as them.
  #checkov:skip=CKV_GCP_42:It sets up everything; it is used by approved builds alone.
  #checkov:skip=CKV_GCP_49:It gives each function's account its rights.
  for_each = local.apply_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.apply.member
}

# Planning takes no lock and writes no state.
resource "google_storage_bucket_iam_member" "plan_state" {
  bucket = local.state_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.plan.member
}

resource "google_project_iam_member" "approvers" {
  for_each = toset(var.approvers)

  project = var.project_id
  role    = "roles/cloudbuild.builds.approver"
  member  = each.key
}
