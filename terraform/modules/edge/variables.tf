variable "default_service" {
  description = "Service that answers paths of no function, with a 404 of the API's own."
  type        = string
}

variable "host" {
  description = "Name under which the API is reached."
  type        = string
}

variable "name" {
  description = "Prefix of the names of all resources here."
  type        = string
}

variable "region" {
  description = "Region of the services."
  type        = string
}

variable "requests_per_minute" {
  description = "Requests a minute that one address may make; above it answers are 429."
  type        = number
}

variable "services" {
  description = "Path prefixes by Cloud Run service. A prefix that ends in / stands for what is below it alone."
  type        = map(list(string))
}
