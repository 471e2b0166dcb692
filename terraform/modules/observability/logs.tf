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
