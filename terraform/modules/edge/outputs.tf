output "address" {
  description = "IPv4 address that the host's A record names."
  value       = google_compute_global_address.this.address
}
