output "address" {
  description = "IPv4 address that the host's A record names."
  value       = module.service.address
}

output "audiences" {
  description = "Audience of OIDC tokens by function."
  value       = module.service.audiences
}

output "public_key_url" {
  description = "Where Tesla fetches the application's public key."
  value       = module.service.public_key_url
}

output "public_url" {
  description = "Base URL of the API."
  value       = module.service.public_url
}

output "redirect_uri" {
  description = "Redirect URI to register at Tesla."
  value       = module.service.redirect_uri
}

output "secret_ids" {
  description = "Secrets that need a version before the service works."
  value       = module.service.secret_ids
}
