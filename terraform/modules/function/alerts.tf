resource "google_monitoring_alert_policy" "dead_letters" {
  count = local.pushed ? 1 : 0

  display_name          = "Dead letters: ${var.function.topic.name}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = { function = local.service }

  conditions {
    display_name = "A message waits in ${google_pubsub_subscription.dead[0].name}"

    condition_threshold {
      filter = join(" AND ", [
        "resource.type = \"pubsub_subscription\"",
        "resource.labels.subscription_id = \"${google_pubsub_subscription.dead[0].name}\"",
        "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  # Without data an incident would stay open for a week, and nobody would be told of the next.
  alert_strategy {
    auto_close = "1800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "`${local.service}` gave up on a message after ${var.function.topic.attempts} deliveries. Runbook: ${var.runbook_url}#dead-letters"
  }
}

# A scheduled function that is silent for two of its messages' lives has stopped.
resource "google_monitoring_alert_policy" "silent" {
  count = local.schedule == null ? 0 : 1

  display_name          = "Silent: ${local.service}"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels
  user_labels           = { function = local.service }

  conditions {
    display_name = "No run of ${local.service} has succeeded"

    condition_absent {
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "resource.labels.service_name = \"${local.service}\"",
        "metric.type = \"run.googleapis.com/request_count\"",
        "metric.labels.response_code_class = \"2xx\"",
      ])
      # Cloud Monitoring takes whole minutes only.
      duration = "${60 * ceil(max(180, 2 * var.function.topic.max_age_s) / 60)}s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "`${local.service}` runs on `${local.schedule}` and has not succeeded of late. Runbook: ${var.runbook_url}#silent-function"
  }
}

# A function without a topic has no dead letters: its callers see the failures.
resource "google_monitoring_alert_policy" "failures" {
  count = local.pushed ? 0 : 1

  display_name          = "Server errors: ${local.service}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = { function = local.service }

  conditions {
    display_name = "${local.service} has failed more than 5 requests in 5 minutes"

    condition_threshold {
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "resource.labels.service_name = \"${local.service}\"",
        "metric.type = \"run.googleapis.com/request_count\"",
        "metric.labels.response_code_class = \"5xx\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = 5
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  # Without data an incident would stay open for a week, and nobody would be told of the next.
  alert_strategy {
    auto_close = "1800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "`${local.service}` answers 5xx. Runbook: ${var.runbook_url}#server-errors"
  }
}
