# What deploys one environment: two triggers, an account for each, and the bucket through which a plan goes from the
# one to the other. A person applies this root once per project; it is not part of what it deploys.

provider "google" {
  project = var.project_id
  region  = var.region

  default_labels = {
    application = "car-pulse-tracker"
    environment = var.environment
  }
}

locals {
  state_bucket = coalesce(var.state_bucket, "${var.project_id}-terraform")

  substitutions = {
    _BUILD_IMAGE  = var.build_image
    _ENVIRONMENT  = var.environment
    _PLANS_BUCKET = google_storage_bucket.plans.name
    _STATE_BUCKET = local.state_bucket
  }
  # What is not given keeps the environment's own default.
  service_variables = { for name, value in merge(var.service, { region = var.region }) : name => value if value != null }
}
