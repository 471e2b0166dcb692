resource "google_service_account" "this" {
  account_id   = "fn-${local.service}"
  display_name = "Function ${local.service}"
}

# Only the pusher reaches a function with a topic. The load balancer reaches the others for everybody.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  location = google_cloudfunctions2_function.this.location
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = local.pushed ? "serviceAccount:${var.pusher}" : "allUsers"
}
