output "accounts" {
  description = "Accounts that plan and apply, by what they do; the billing account lets them in for the budget."
  value       = { plan = google_service_account.plan.email, apply = google_service_account.apply.email }
}

output "plans_bucket" {
  description = "Bucket of plans, each under its commit."
  value       = google_storage_bucket.plans.name
}
