terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # Partial: the bucket is given to `terraform init -backend-config=bucket=...` (docs/deploy.md).
  backend "gcs" {
    prefix = "pipeline"
  }
}
