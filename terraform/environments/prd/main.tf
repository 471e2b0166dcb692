# What owners use.

provider "google" {
  project = var.project_id
  region  = var.region

  # The budget's API bills its calls to this project, not to that of the caller's credentials.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    application = "car-pulse-tracker"
    environment = "prd"
  }
}

module "service" {
  source = "../../modules/service"

  alert_emails        = var.alert_emails
  archives_folder     = coalesce(var.archives_folder, "${path.root}/../../../build/package")
  backup_days         = 98
  billing_account     = var.billing_account
  cors_origins        = var.cors_origins
  creators            = var.creators
  firestore_database  = var.firestore_database
  frontend_url        = var.frontend_url
  host                = coalesce(var.host, "api.carpulsetracker.com")
  monthly_budget      = var.monthly_budget
  operators           = var.operators
  order_days          = var.order_days
  orders_require      = "operator"
  project_id          = var.project_id
  region              = var.region
  requests_per_minute = var.requests_per_minute
  runbook_url         = var.runbook_url
  settings            = var.settings
}
