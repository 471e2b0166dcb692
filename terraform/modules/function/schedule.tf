locals {
  schedule = local.pushed ? var.function.topic.schedule : null
}

resource "google_cloud_scheduler_job" "this" {
  count = local.schedule == null ? 0 : 1

  name        = var.function.topic.name
  description = "Publishes to ${var.function.topic.name}"
  region      = var.region
  schedule    = local.schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = google_pubsub_topic.this[0].id
    data       = base64encode("{}") # Pub/Sub refuses a message with neither data nor attributes
  }
}
