variable "archive" {
  description = "The function's archive: local `path`, and the `bucket` and `object` that it is built from."
  type        = object({ path = string, bucket = string, object = string })
}

variable "blobs_bucket" {
  description = "Bucket of snapshots, reports and invoices."
  type        = string
}

variable "build" {
  description = "Who builds the function: full name of the service `account`, and the `repository` that keeps the image."
  type        = object({ account = string, repository = string })
}

variable "database" {
  description = "Id of the Firestore database."
  type        = string
}

variable "environment" {
  description = "Environment variables that all functions share; those of this function alone are added here."
  type        = map(string)
}

variable "function" {
  description = "The function's entry in functions/functions.yaml."
  type = object({
    entry       = string
    paths       = optional(list(string), [])
    memory      = string
    cpu         = number
    timeout_s   = number
    concurrency = number
    instances   = list(number)
    assets      = optional(list(string), [])
    topic = optional(object({
      name      = string
      schedule  = optional(string)
      max_age_s = number
      attempts  = number
    }))
    rights = object({
      documents = optional(string)
      blobs     = optional(string)
      publish   = optional(list(string), [])
      secrets   = optional(list(string), [])
      sign_urls = optional(bool, false)
    })
  })

  validation {
    condition     = (length(var.function.paths) > 0) != (var.function.topic != null)
    error_message = "A function has either paths or a topic."
  }
  validation {
    condition     = length(var.function.instances) == 2
    error_message = "instances are the least and the most."
  }
  validation {
    condition     = contains(["r", "rw"], coalesce(var.function.rights.documents, "r")) && contains(["r", "rw"], coalesce(var.function.rights.blobs, "r"))
    error_message = "Rights on documents and blobs are r or rw."
  }
  validation {
    condition     = var.function.topic == null || var.function.timeout_s <= 600
    error_message = "Pub/Sub waits at most 600 s for a push."
  }
  validation {
    condition     = var.function.topic == null || try(var.function.topic.max_age_s >= 1 && var.function.topic.max_age_s <= 604800, false)
    error_message = "max_age_s is 1 s to a week: the subscription keeps no message for longer."
  }
  validation {
    condition     = var.function.topic == null || try(var.function.topic.attempts >= 5 && var.function.topic.attempts <= 100, false)
    error_message = "Pub/Sub allows 5 to 100 attempts."
  }
}

variable "name" {
  description = "Name of the function in functions/functions.yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{1,26}$", var.name))
    error_message = "Small letters, digits and underscores, at most 27: `fn-<name>` names the service account."
  }
}

variable "notification_channels" {
  description = "Ids of the channels that alerts go to."
  type        = list(string)
}

variable "project" {
  description = "Id and number of the project."
  type        = object({ id = string, number = string })
}

variable "pusher" {
  description = "E-mail address of the one account in whose name messages are pushed."
  type        = string
}

variable "region" {
  description = "Region of the function and its Scheduler job."
  type        = string
}

variable "runbook_url" {
  description = "Page of the runbooks; alerts link to its sections."
  type        = string
}

variable "runtime" {
  description = "Language runtime."
  type        = string
}

variable "secrets" {
  description = "Full names of the secrets by id."
  type        = map(string)
}
