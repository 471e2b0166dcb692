variable "alert_emails" {
  description = "Addresses that alerts are mailed to."
  type        = list(string)
}

variable "archives_folder" {
  description = "Local folder with the archives and their index, as `make package` writes it."
  type        = string
}

variable "backup_days" {
  description = "Days that a daily backup of the documents is kept."
  type        = number
}

variable "billing_account" {
  description = "Billing account of the budget; empty: no budget."
  type        = string
}

variable "cors_origins" {
  description = "Origins that browsers may call from (CORS_ORIGINS)."
  type        = list(string)
}

variable "creators" {
  description = "E-mail addresses of principals that may create and nothing else (CREATORS)."
  type        = list(string)
}

variable "firestore_database" {
  description = "Id of the Firestore database (FIRESTORE_DATABASE)."
  type        = string
}

variable "frontend_url" {
  description = "Page that receives the consent claim (FRONTEND_URL); empty: a page of our own."
  type        = string
}

variable "host" {
  description = "Name under which the API is reached; PUBLIC_URL is https://<host>."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+$", var.host))
    error_message = "A host name without scheme or path."
  }
}

variable "monthly_budget" {
  description = "Monthly cost at which mails go out, in the billing account's currency."
  type        = number
}

variable "operators" {
  description = "E-mail addresses of operator principals (OPERATORS)."
  type        = list(string)
}

variable "order_days" {
  description = "Days that an order and its objects are kept (ORDER_DAYS)."
  type        = number
}

variable "orders_require" {
  description = "Who may create orders and enrolments (ORDERS_REQUIRE): none for anybody, or operator for creators and operators."
  type        = string

  validation {
    condition     = contains(["none", "operator"], var.orders_require)
    error_message = "none or operator."
  }
  validation {
    condition     = var.orders_require == "none" || length(var.creators) + length(var.operators) > 0
    error_message = "At least one of creators and operators: nobody could create an order."
  }
}

variable "project_id" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of everything that has one."
  type        = string
}

variable "requests_per_minute" {
  description = "Requests a minute that one address may make."
  type        = number
}

variable "runbook_url" {
  description = "Page of the runbooks; alerts link to its sections."
  type        = string
}

variable "settings" {
  description = "Further environment variables of shared/settings.py, by name."
  type        = map(string)
}
