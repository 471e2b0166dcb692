output "member" {
  description = "The function's service account as a member of policies."
  value       = google_service_account.this.member
}

output "paths" {
  description = "Path prefixes that the load balancer sends here."
  value       = var.function.paths
}

output "publishes" {
  description = "Topics that the function may publish to."
  value       = var.function.rights.publish
}

output "service" {
  description = "Name of the function and of its Cloud Run service."
  value       = google_cloudfunctions2_function.this.name
}

output "topic" {
  description = "Topic that the function is pushed from; null for an HTTP function."
  value       = one(google_pubsub_topic.this[*].name)
}

output "url" {
  description = "URL of the Cloud Run service, which is also the audience of tokens for it."
  value       = local.url
}
