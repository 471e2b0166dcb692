variable "approvers" {
  description = "Who may approve an apply, as members of policies: user:..., group:..."
  type        = list(string)

  validation {
    condition     = length(var.approvers) > 0 && alltrue([for each in var.approvers : can(regex("^(user|group):.+@.+$", each))])
    error_message = "At least one user:<address> or group:<address>."
  }
}

variable "branch" {
  description = "Branch whose pushes are deployed here."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9/_.-]+$", var.branch))
    error_message = "The name of a branch, not a pattern."
  }
}

variable "build_image" {
  description = "Image that every step runs in, with its digest; .ci/image makes it."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.build_image))
    error_message = "Pinned: it ends in @sha256: and a digest."
  }
}

variable "environment" {
  description = "Environment that this project holds."
  type        = string

  validation {
    condition     = contains(["dev", "tst", "prd"], var.environment)
    error_message = "dev, tst or prd."
  }
}

variable "project_id" {
  description = "Id of the Google Cloud project that holds the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "6 to 30 small letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of builds, plans and the service."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west1."
  }
}

variable "repository" {
  description = "Full name of the connected source: projects/.../locations/.../connections/.../repositories/..."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.repository))
    error_message = "As `gcloud builds repositories describe --format='value(name)'` writes it."
  }
}

variable "service" {
  description = "Variables of the environment's own root (terraform/environments/common/variables.tf)."
  type = object({
    alert_emails        = list(string)
    billing_account     = optional(string)
    cors_origins        = optional(list(string))
    creators            = optional(list(string))
    firestore_database  = optional(string)
    frontend_url        = optional(string)
    host                = optional(string)
    monthly_budget      = optional(number)
    operators           = optional(list(string))
    order_days          = optional(number)
    requests_per_minute = optional(number)
    runbook_url         = optional(string)
    settings            = optional(map(string))
  })

  # The environment's own root checks the rest, which its plan shows; without an address there is not even that.
  validation {
    condition     = length(var.service.alert_emails) > 0
    error_message = "At least one address in alert_emails."
  }
}

variable "state_bucket" {
  description = "Bucket of Terraform's state; <project>-terraform by default."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.state_bucket))
    error_message = "The name of a bucket, without gs://."
  }
}
