variable "backup_days" {
  description = "Days that a daily backup of the documents is kept."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 98
    error_message = "Firestore keeps backups for 1 to 98 days."
  }
}

variable "database" {
  description = "Id of the Firestore database."
  type        = string
}

variable "history_days" {
  description = "Days that the readings of energy sites are kept; the fleet's daily sums are kept as long."
  type        = number
  default     = 400
}

variable "order_days" {
  description = "Days that an order and its objects are kept (ORDER_DAYS)."
  type        = number
}

variable "project_id" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of documents, objects and secrets."
  type        = string
}

variable "secret_ids" {
  description = "Ids of the secrets; their values are added outside Terraform and never enter its state."
  type        = set(string)
}
