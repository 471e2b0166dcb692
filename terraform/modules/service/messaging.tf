# The one account in whose name Pub/Sub pushes: the only caller that a function with a topic admits.
resource "google_service_account" "pusher" {
  account_id   = "pusher"
  display_name = "Pushes messages to functions"
}

resource "google_service_account_iam_member" "pubsub_signs_as_pusher" {
  service_account_id = google_service_account.pusher.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:service-${local.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  depends_on = [google_project_service.this]
}

# Topics that others subscribe to.
resource "google_pubsub_topic" "outward" {
  #checkov:skip=CKV_GCP_83:Messages hold ids alone, never personal data; Google's own encryption does.
  for_each = toset(local.manifest.outward_topics)

  name                       = each.key
  message_retention_duration = "604800s"

  depends_on = [google_project_service.this]
}

locals {
  topics = merge(
    { for function in module.function : function.topic => function.topic if function.topic != null },
    { for name, topic in google_pubsub_topic.outward : name => topic.name },
  )
  publishers = merge([
    for function in module.function : {
      for topic in function.publishes : "${function.service}.${topic}" => { member = function.member, topic = topic }
    }
  ]...)
}

# Here and not in the function's module: a function publishes to other functions' topics.
resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers

  topic  = local.topics[each.value.topic]
  role   = "roles/pubsub.publisher"
  member = each.value.member
}
