# Both start with the same push. The second one waits until somebody has read the plan of the first and approves.
resource "google_cloudbuild_trigger" "plan" {
  name            = "plan"
  description     = "Checks, packages and plans ${var.environment} (cloudbuild.yaml)"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.plan.id
  substitutions   = merge(local.substitutions, { _VARIABLES = jsonencode(local.service_variables) })

  repository_event_config {
    repository = var.repository

    push {
      branch = "^${var.branch}$"
    }
  }
}

resource "google_cloudbuild_trigger" "apply" {
  name            = "apply"
  description     = "Applies the plan of this commit to ${var.environment} once it is approved (cloudbuild.apply.yaml)"
  location        = var.region
  filename        = "cloudbuild.apply.yaml"
  service_account = google_service_account.apply.id
  substitutions   = local.substitutions

  repository_event_config {
    repository = var.repository

    push {
      branch = "^${var.branch}$"
    }
  }

  approval_config {
    approval_required = true
  }
}
