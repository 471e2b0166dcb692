resource "google_secret_manager_secret" "this" {
  for_each = var.secret_ids

  secret_id = each.key

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
