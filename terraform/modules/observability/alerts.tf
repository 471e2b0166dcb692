locals {
  alerts = {
    errors = {
      title     = "Errors of the functions"
      severity  = "WARNING"
      threshold = 5
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.errors.name}\""
      text      = "Functions have logged more than 5 errors in 5 minutes."
      runbook   = "errors"
    }
    server_errors = {
      title     = "Answers of 500 and above"
      severity  = "ERROR"
      threshold = 5
      filter = join(" AND ", [
        "resource.type = \"https_lb_rule\"",
        "metric.type = \"loadbalancing.googleapis.com/https/request_count\"",
        "metric.labels.response_code_class = 500",
      ])
      text    = "The API has failed more than 5 requests in 5 minutes."
      runbook = "server-errors"
    }
    backlog = {
      title     = "Messages wait"
      severity  = "WARNING"
      threshold = 1800
      filter = join(" AND ", [
        "resource.type = \"pubsub_subscription\"",
        "resource.labels.subscription_id = one_of(${join(",", [for queue in var.queues : "\"${queue}\""])})",
        "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"",
      ])
      text    = "A message has waited for more than 30 minutes."
      runbook = "backlog"
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = each.value.title
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.text

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.key == "backlog" ? "ALIGN_MAX" : "ALIGN_DELTA"
        cross_series_reducer = each.key == "backlog" ? "REDUCE_MAX" : "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text} Runbook: ${var.runbook_url}#${each.value.runbook}"
  }
}

resource "google_billing_budget" "this" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.name} ${var.project.id}"

  budget_filter {
    projects = ["projects/${var.project.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = var.notification_channels
    disable_default_iam_recipients   = false
  }
}
