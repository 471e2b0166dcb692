# A callback's query holds Tesla's code and our state; a download's holds its signature. The functions log neither, but
# the load balancer and Cloud Run would write whole URLs.
resource "google_logging_project_exclusion" "secret_queries" {
  name        = "secret-queries"
  description = "Request logs whose query is a credential"

  filter = "httpRequest.requestUrl=~\"(/oauth/callback[?]|[?&]X-Goog-Signature=)\""
}

locals {
  service_logs = "resource.type=\"cloud_run_revision\""
  tesla_calls  = "${local.service_logs} AND jsonPayload.message=\"tesla call\""
  energy_ticks = "${local.service_logs} AND jsonPayload.message=\"energy tick\""
}

resource "google_logging_metric" "tesla_calls" {
  name   = "tesla_calls"
  filter = local.tesla_calls

  label_extractors = {
    endpoint = "EXTRACT(jsonPayload.endpoint)"
    outcome  = "EXTRACT(jsonPayload.outcome)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Calls of Tesla"

    labels {
      key         = "endpoint"
      value_type  = "STRING"
      description = "Name in the endpoint catalogue"
    }
    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = "ok, or the reason of the failure"
    }
  }
}

# Distributions: the sum is the cost or the time, the count the calls.
resource "google_logging_metric" "tesla_values" {
  for_each = {
    tesla_price_usd  = { field = "price_usd", unit = "{USD}", text = "Cost of Tesla calls" }
    tesla_latency_ms = { field = "ms", unit = "ms", text = "Latency of Tesla calls" }
  }

  name            = each.key
  filter          = local.tesla_calls
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.value.text
  }
}

# Every call and every message leaves one record with the time it took: the count by label is the outcomes.
resource "google_logging_metric" "handled" {
  for_each = {
    request_ms = { message = "request handled", labels = { route = "jsonPayload.route", status = "jsonPayload.status" }, text = "Calls by route and status" }
    message_ms = { message = "message handled", labels = { function = "resource.labels.service_name", outcome = "jsonPayload.outcome" }, text = "Messages by function and outcome" }
  }

  name             = each.key
  filter           = "${local.service_logs} AND jsonPayload.message=\"${each.value.message}\""
  value_extractor  = "EXTRACT(jsonPayload.ms)"
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(${field})" }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "ms"
    display_name = each.value.text

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key         = labels.key
        value_type  = "STRING"
        description = "${labels.value} of the record"
      }
    }
  }
}

resource "google_logging_metric" "energy_ticks" {
  name   = "energy_ticks"
  filter = local.energy_ticks

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Ticks of the fleet of energy sites"
  }
}

# Distributions with one value a tick: the mean is the figure.
resource "google_logging_metric" "energy_values" {
  for_each = {
    energy_flow_kw      = { field = "flow_kw", unit = "kW", text = "What the fleet does now" }
    energy_available_kw = { field = "available_kw", unit = "kW", text = "What the fleet could deliver for an hour" }
    energy_fresh_sites  = { field = "fresh", unit = "1", text = "Sites with a fresh reading" }
  }

  name            = each.key
  filter          = local.energy_ticks
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.value.text
  }
}

resource "google_logging_metric" "energy_warnings" {
  name   = "energy_warnings"
  filter = "${local.service_logs} AND jsonPayload.message=(\"energy sites without connection\" OR \"shards not polled\" OR \"dispatch falls short\")"

  label_extractors = {
    message = "EXTRACT(jsonPayload.message)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Warnings of the fleet of energy sites"

    labels {
      key         = "message"
      value_type  = "STRING"
      description = "What the warning is"
    }
  }
}

# Expected deferrals are informational: whatever has this severity is for a human.
resource "google_logging_metric" "errors" {
  name   = "service_errors"
  filter = "${local.service_logs} AND severity>=ERROR"

  label_extractors = {
    function = "EXTRACT(resource.labels.service_name)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "Errors of the functions"

    labels {
      key         = "function"
      value_type  = "STRING"
      description = "Name of the function"
    }
  }
}
