locals {
  pubsub_agent = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  week         = "604800s"
  month        = "2678400s"
}

resource "google_pubsub_topic" "this" {
  #checkov:skip=CKV_GCP_83:Messages hold ids alone, never personal data; Google's own encryption does.
  count = local.pushed ? 1 : 0

  name   = var.function.topic.name
  labels = { function = local.service }
}

resource "google_pubsub_subscription" "push" {
  count = local.pushed ? 1 : 0

  name  = google_pubsub_topic.this[0].name
  topic = google_pubsub_topic.this[0].id

  # The function records what is older than its topic's max_age_s, so nothing may vanish before that.
  message_retention_duration = local.week
  ack_deadline_seconds       = max(10, var.function.timeout_s)

  expiration_policy {
    ttl = "" # never
  }

  push_config {
    push_endpoint = local.url

    oidc_token {
      service_account_email = var.pusher
      audience              = local.url
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[0].id
    max_delivery_attempts = var.function.topic.attempts
  }

  # The first push meets a function that lets the pusher in.
  depends_on = [google_cloud_run_v2_service_iam_member.invoker, google_pubsub_topic_iam_member.dead_letters]
}

resource "google_pubsub_topic" "dead" {
  #checkov:skip=CKV_GCP_83:Messages hold ids alone, never personal data; Google's own encryption does.
  count = local.pushed ? 1 : 0

  name   = "${var.function.topic.name}-dead"
  labels = { function = local.service }
}

# Without a subscription dead letters would be lost.
resource "google_pubsub_subscription" "dead" {
  count = local.pushed ? 1 : 0

  name                       = google_pubsub_topic.dead[0].name
  topic                      = google_pubsub_topic.dead[0].id
  message_retention_duration = local.month
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = "" # never
  }
}

# Pub/Sub itself moves a dead letter: it publishes to the one topic and takes the message off the other.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  count = local.pushed ? 1 : 0

  topic  = google_pubsub_topic.dead[0].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  count = local.pushed ? 1 : 0

  subscription = google_pubsub_subscription.push[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
