locals {
  # Title -> what is drawn. `counts` are rates, the others the largest value.
  charts = {
    "Requests by answer"         = { counts = true, by = "metric.label.response_code_class", filter = "resource.type=\"https_lb_rule\" metric.type=\"loadbalancing.googleapis.com/https/request_count\"" }
    "Runs by function"           = { counts = true, by = "resource.label.service_name", filter = "resource.type=\"cloud_run_revision\" metric.type=\"run.googleapis.com/request_count\"" }
    "Errors by function"         = { counts = true, by = "metric.label.function", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.errors.name}\" resource.type=\"cloud_run_revision\"" }
    "Tesla calls by outcome"     = { counts = true, by = "metric.label.outcome", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.tesla_calls.name}\" resource.type=\"cloud_run_revision\"" }
    "Oldest message by queue, s" = { counts = false, by = "resource.label.subscription_id", filter = "resource.type=\"pubsub_subscription\" metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"" }
    "Fleet now, kW"              = { counts = false, mean = true, by = "resource.label.service_name", filter = "resource.type=\"cloud_run_revision\" metric.type=\"logging.googleapis.com/user/${google_logging_metric.energy_values["energy_flow_kw"].name}\"" }
    "Fleet available, kW"        = { counts = false, mean = true, by = "resource.label.service_name", filter = "resource.type=\"cloud_run_revision\" metric.type=\"logging.googleapis.com/user/${google_logging_metric.energy_values["energy_available_kw"].name}\"" }
    "Undelivered by queue"       = { counts = false, by = "resource.label.subscription_id", filter = "resource.type=\"pubsub_subscription\" metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\"" }
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = var.name
    gridLayout = {
      columns = "2"
      widgets = [
        for title, chart in local.charts : {
          title = title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = chart.filter
                  aggregation = {
                    alignmentPeriod    = "60s"
                    perSeriesAligner   = chart.counts ? "ALIGN_RATE" : lookup(chart, "mean", false) ? "ALIGN_MEAN" : "ALIGN_MAX"
                    crossSeriesReducer = chart.counts ? "REDUCE_SUM" : "REDUCE_MAX"
                    groupByFields      = [chart.by]
                  }
                }
              }
            }]
          }
        }
      ]
    }
  })
}
