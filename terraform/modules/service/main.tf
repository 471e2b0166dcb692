# One installation of the service. What a function is stands in functions/functions.yaml; this puts the parts together.

locals {
  name      = "car-pulse-tracker"
  runtime   = "python313"
  manifest  = yamldecode(file("${path.module}/../../../functions/functions.yaml"))
  functions = local.manifest.functions
  archives  = jsondecode(file("${var.archives_folder}/index.json"))
  project   = { id = var.project_id, number = data.google_project.this.number }

  secret_ids = [
    "bnc-cpt-tesla-client-id",
    "bnc-cpt-tesla-client-secret",
    "bnc-cpt-tesla-private-key", # read by no function
    "bnc-cpt-tesla-public-key",
    "bnc-cpt-token-key",
  ]

  # One variable is set in one place: these win over `settings`.
  environment = merge(var.settings, {
    CORS_ORIGINS   = join(",", var.cors_origins)
    FRONTEND_URL   = var.frontend_url
    OPERATORS      = join(",", var.operators)
    ORDERS_REQUIRE = var.orders_require
    ORDER_DAYS     = tostring(var.order_days)
    PUBLIC_URL     = "https://${var.host}"
  })
  # What only the functions of the API read: the others have no creators.
  api_environment = { CREATORS = join(",", var.creators) }
  api_functions = [
    for name, function in local.functions : name if anytrue([for path in try(function.paths, []) : startswith(path, "/api/")])
  ]
}

data "google_project" "this" {
  project_id = var.project_id
}

module "data" {
  source = "../data"

  backup_days = var.backup_days
  database    = var.firestore_database
  order_days  = var.order_days
  project_id  = var.project_id
  region      = var.region
  secret_ids  = local.secret_ids

  depends_on = [google_project_service.this]
}

module "function" {
  source   = "../function"
  for_each = local.functions

  archive = {
    path   = "${var.archives_folder}/${local.archives[each.key].object}"
    bucket = google_storage_bucket.archives.name
    object = local.archives[each.key].object
  }
  blobs_bucket          = module.data.bucket
  build                 = { account = google_service_account.build.name, repository = google_artifact_registry_repository.images.id }
  database              = module.data.database
  environment           = merge(local.environment, contains(local.api_functions, each.key) ? local.api_environment : {})
  function              = each.value
  name                  = each.key
  notification_channels = local.notification_channels
  project               = local.project
  pusher                = google_service_account.pusher.email
  region                = var.region
  runbook_url           = var.runbook_url
  runtime               = local.runtime
  secrets               = module.data.secrets

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_sources,
    google_project_service.this,
    google_storage_bucket_iam_member.build,
  ]
}

module "edge" {
  source = "../edge"

  default_service     = local.api_document_service
  host                = var.host
  name                = local.name
  region              = var.region
  requests_per_minute = var.requests_per_minute
  services            = local.public_paths

  depends_on = [google_project_service.this]
}

module "observability" {
  source = "../observability"

  billing_account       = var.billing_account
  monthly_budget        = var.monthly_budget
  name                  = local.name
  notification_channels = local.notification_channels
  project               = local.project
  queues                = compact([for function in module.function : function.topic])
  runbook_url           = var.runbook_url

  depends_on = [google_project_service.this]
}

locals {
  public_paths = { for function in module.function : function.service => function.paths if length(function.paths) > 0 }
  # It knows every route, so its 404 is the API's.
  api_document_service = one([
    for service, paths in local.public_paths : service if contains(paths, "/api/v1/openapi.json")
  ])
  notification_channels = [for channel in google_monitoring_notification_channel.mail : channel.id]
}

resource "google_monitoring_notification_channel" "mail" {
  for_each = toset(var.alert_emails)

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}
