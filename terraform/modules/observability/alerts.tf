locals {
  alerts = {
    # One is enough: what comes once, such as a billing limit that was reached, is for a human all the same.
    errors = {
      title     = "Errors of the functions"
      severity  = "WARNING"
      threshold = 0
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.errors.name}\""
      text      = "A function has logged an error."
      runbook   = "errors"
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
    energy_dead = {
      title     = "Energy sites without connection"
      severity  = "WARNING"
      threshold = 0
      duration  = "3600s"
      filter    = "${local.energy_warnings} AND metric.labels.message = \"energy sites without connection\""
      text      = "Gateways of energy sites have not reported for more than an hour."
      runbook   = "energy-sites-without-connection"
    }
    energy_shards = {
      title     = "Energy sites not polled"
      severity  = "WARNING"
      threshold = 0
      duration  = "900s"
      filter    = "${local.energy_warnings} AND metric.labels.message = \"shards not polled\""
      text      = "Shards of energy sites have missed their polls for a quarter of an hour."
      runbook   = "energy-tick-missing"
    }
    dispatch_short = {
      title     = "Dispatch falls short"
      severity  = "ERROR"
      threshold = 0
      filter    = "${local.energy_warnings} AND metric.labels.message = \"dispatch falls short\""
      text      = "The fleet can no longer carry what was committed to an event that is about to begin."
      runbook   = "dispatch-falls-short"
    }
  }
  energy_warnings = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.energy_warnings.name}\""
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
      duration        = lookup(each.value, "duration", "0s")

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.key == "backlog" ? "ALIGN_MAX" : "ALIGN_DELTA"
        cross_series_reducer = each.key == "backlog" ? "REDUCE_MAX" : "REDUCE_SUM"
      }
    }
  }

  # Without data an incident would stay open for a week, and nobody would be told of the next.
  alert_strategy {
    auto_close = "1800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text} Runbook: ${var.runbook_url}#${each.value.runbook}"
  }
}

resource "google_monitoring_alert_policy" "energy_tick" {
  display_name          = "Energy tick missing"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels

  conditions {
    display_name = "The fleet was not polled for a quarter of an hour."

    condition_absent {
      filter   = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.energy_ticks.name}\""
      duration = "900s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The fleet was not polled for a quarter of an hour. Runbook: ${var.runbook_url}#energy-tick-missing"
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
