terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # Partial: the bucket is given to `terraform init -backend-config=bucket=...` (terraform/README.md).
  backend "gcs" {
    prefix = "car-pulse-tracker"
  }
}
