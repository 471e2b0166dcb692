locals {
  service = replace(var.name, "_", "-")
  url     = "https://${local.service}-${var.project.number}.${var.region}.run.app"
  pushed  = var.function.topic != null

  # What settings.py takes when a variable is not set: such values are left out.
  defaults = {
    FIRESTORE_DATABASE = "(default)"
    MESSAGE_ATTEMPTS   = "8"
    MESSAGE_MAX_AGE_S  = "86400"
    ORDERS_REQUIRE     = "operator"
    ORDER_DAYS         = "90"
  }
  own_environment = local.pushed ? {
    MESSAGE_ATTEMPTS  = tostring(var.function.topic.attempts)
    MESSAGE_MAX_AGE_S = tostring(var.function.topic.max_age_s)
  } : {}
  all_environment = merge(
    var.environment,
    local.own_environment,
    {
      BUCKET               = var.blobs_bucket
      FIRESTORE_DATABASE   = var.database
      GOOGLE_CLOUD_PROJECT = var.project.id
      OIDC_AUDIENCE        = local.url
      PUSHER               = var.pusher
    },
  )
}

resource "google_cloudfunctions2_function" "this" {
  name     = local.service
  location = var.region
  labels   = { function = local.service }

  build_config {
    runtime           = var.runtime
    entry_point       = var.function.entry
    docker_repository = var.build.repository
    service_account   = var.build.account

    source {
      storage_source {
        bucket = google_storage_bucket_object.archive.bucket
        object = google_storage_bucket_object.archive.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    available_memory                 = var.function.memory
    available_cpu                    = tostring(var.function.cpu)
    timeout_seconds                  = var.function.timeout_s
    max_instance_request_concurrency = var.function.concurrency
    min_instance_count               = var.function.instances[0]
    max_instance_count               = var.function.instances[1]
    all_traffic_on_latest_revision   = true
    ingress_settings                 = local.pushed ? "ALLOW_INTERNAL_ONLY" : "ALLOW_INTERNAL_AND_GCLB"

    environment_variables = {
      for name, value in local.all_environment : name => value if value != "" && value != lookup(local.defaults, name, "")
    }
  }
}
