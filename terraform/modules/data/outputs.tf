output "bucket" {
  description = "Bucket of snapshots, reports and invoices."
  value       = google_storage_bucket.orders.name
}

output "database" {
  description = "Id of the Firestore database."
  value       = google_firestore_database.this.name
}

output "secrets" {
  description = "Full names of the secrets by id."
  value       = { for id, secret in google_secret_manager_secret.this : id => secret.id }
}
