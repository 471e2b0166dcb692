output "address" {
  description = "IPv4 address that the host's A record names."
  value       = module.edge.address
}

output "audiences" {
  description = "Audience of OIDC tokens by function."
  value       = { for name, function in module.function : name => function.url }
}

output "public_key_url" {
  description = "Where Tesla fetches the application's public key."
  value       = "https://${var.host}/.well-known/appspecific/com.tesla.3p.public-key.pem"
}

output "public_url" {
  description = "Base URL of the API."
  value       = "https://${var.host}"
}

output "redirect_uri" {
  description = "Redirect URI to register at Tesla."
  value       = "https://${var.host}/api/v1/tesla/oauth/callback"
}

output "secret_ids" {
  description = "Secrets that need a version before the service works."
  value       = local.secret_ids
}
