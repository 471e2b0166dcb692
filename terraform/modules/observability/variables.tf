variable "billing_account" {
  description = "Billing account of the budget; empty: no budget."
  type        = string
}

variable "monthly_budget" {
  description = "Monthly cost at which mails go out, in the billing account's currency."
  type        = number
}

variable "name" {
  description = "Prefix of the names of all resources here, and of the load balancer's backends."
  type        = string
}

variable "notification_channels" {
  description = "Ids of the channels that alerts go to."
  type        = list(string)
}

variable "project" {
  description = "Id and number of the project."
  type        = object({ id = string, number = string })
}

variable "queues" {
  description = "Subscriptions that functions are pushed from."
  type        = list(string)
}

variable "runbook_url" {
  description = "Page of the runbooks; alerts link to its sections."
  type        = string
}
