variable "alert_emails" {
  description = "Addresses that alerts are mailed to."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in var.alert_emails : strcontains(address, "@")])
    error_message = "At least one e-mail address: an alert that nobody gets is none."
  }
}

variable "archives_folder" {
  description = "Local folder with the archives and their index; build/package by default, where `make package` puts them."
  type        = string
  default     = null

  validation {
    condition     = var.archives_folder == null || can(file("${var.archives_folder}/index.json"))
    error_message = "There is no index.json in it: `make package` writes one."
  }
}

variable "billing_account" {
  description = "Billing account of the budget, like 012345-6789AB-CDEF01; empty: no budget."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$", var.billing_account))
    error_message = "Three groups of six hex digits, or empty."
  }
}

variable "cors_origins" {
  description = "Origins that browsers may call from (CORS_ORIGINS)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[^/]+$", origin))])
    error_message = "Origins are https://<host>, without a path."
  }
}

variable "creators" {
  description = "E-mail addresses of principals that may create orders and enrolments, start consents, and nothing else (CREATORS)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.creators : can(regex("^[^@, ]+@[^@, ]+$", address))])
    error_message = "E-mail addresses of accounts, each an element of its own."
  }
}

variable "firestore_database" {
  description = "Id of the Firestore database (FIRESTORE_DATABASE)."
  type        = string
  default     = "(default)"

  validation {
    condition     = can(regex("^([(]default[)]|[a-z][a-z0-9-]{2,61}[a-z0-9])$", var.firestore_database))
    error_message = "(default), or 4 to 63 small letters, digits and hyphens."
  }
}

variable "frontend_url" {
  description = "Page that receives the consent claim (FRONTEND_URL); empty: a page of our own."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(https://.+)?$", var.frontend_url))
    error_message = "An https:// URL, or empty."
  }
}

variable "host" {
  description = "Name under which the API is reached; by default the environment's own."
  type        = string
  default     = null

  validation {
    condition     = var.host == null || can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+$", var.host))
    error_message = "A host name without scheme or path."
  }
}

variable "monthly_budget" {
  description = "Monthly cost at which mails go out, in the billing account's currency."
  type        = number
  default     = 100

  validation {
    condition     = var.monthly_budget >= 1
    error_message = "At least 1."
  }
}

variable "operators" {
  description = "E-mail addresses of operator principals (OPERATORS)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.operators : strcontains(address, "@")])
    error_message = "E-mail addresses of accounts."
  }
}

variable "order_days" {
  description = "Days that an order and its objects are kept (ORDER_DAYS)."
  type        = number
  default     = 90

  validation {
    condition     = var.order_days >= 1 && var.order_days <= 3650 && floor(var.order_days) == var.order_days
    error_message = "A whole number of days, at most ten years."
  }
}

variable "project_id" {
  description = "Id of the Google Cloud project that holds this environment and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "6 to 30 small letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of everything that has one."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west1."
  }
}

variable "requests_per_minute" {
  description = "Requests a minute that one address may make; above it answers are 429."
  type        = number
  default     = 300

  validation {
    condition     = var.requests_per_minute >= 1 && var.requests_per_minute <= 10000
    error_message = "Cloud Armor counts 1 to 10000."
  }
}

variable "runbook_url" {
  description = "Page of the runbooks; alerts link to its sections."
  type        = string
  default     = "docs/operate.md"

  validation {
    condition     = can(regex("^(https://[^ #]+|docs/operate[.]md)$", var.runbook_url))
    error_message = "An https:// URL without a fragment: each alert adds the name of its section."
  }
}

variable "settings" {
  description = "Further environment variables of shared/settings.py, by name; those with a variable of their own are not set here."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !contains([
        "BACKEND", "BUCKET", "CORS_ORIGINS", "CREATORS", "FIRESTORE_DATABASE", "FRONTEND_URL", "GOOGLE_CLOUD_PROJECT",
        "MESSAGE_ATTEMPTS", "MESSAGE_MAX_AGE_S", "OIDC_AUDIENCE", "OIDC_JWKS_URL", "OPERATORS", "ORDERS_REQUIRE", "ORDER_DAYS",
        "PUBLIC_URL", "PUSHER",
      ], name)
    ])
    error_message = "Names in capitals, without those that Terraform sets itself."
  }
}
