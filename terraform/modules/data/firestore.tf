locals {
  # Per collection: `unindexed` fields are never queried and too long or too random for an index; `expires` is whether
  # documents carry `expires_at`. The integration test reads the same from the code.
  collections = {
    accounts         = { unindexed = ["tokens"], expires = false }
    allowances       = { unindexed = [], expires = true }
    audit            = { unindexed = ["packed"], expires = true }
    breakers         = { unindexed = [], expires = false }
    claims           = { unindexed = ["result"], expires = true }
    connections      = { unindexed = [], expires = true }
    contracts        = { unindexed = [], expires = false }
    dispatch_plans   = { unindexed = ["anew", "bench", "run"], expires = true }
    dispatch_shards  = { unindexed = ["packed", "trail"], expires = true }
    dispatch_tariffs = { unindexed = ["content"], expires = true }
    dispatches       = { unindexed = [], expires = true }
    due              = { unindexed = ["message"], expires = false }
    energy_families  = { unindexed = [], expires = true }
    fleet            = { unindexed = ["rows"], expires = false }
    fleet_days       = { unindexed = ["rows"], expires = true }
    grants           = { unindexed = [], expires = true }
    idempotency      = { unindexed = ["result"], expires = true }
    ledger_days      = { unindexed = [], expires = true }
    oauth_states     = { unindexed = ["verifier"], expires = true }
    order_vehicles   = { unindexed = ["identity"], expires = true }
    orders           = { unindexed = ["listed"], expires = true }
    paces            = { unindexed = [], expires = true }
    pending_consents = { unindexed = ["tokens"], expires = true }
    purses           = { unindexed = [], expires = true }
    registrations    = { unindexed = [], expires = false }
    setting_writes   = { unindexed = [], expires = true }
    shards           = { unindexed = ["samples", "sealed", "shapes", "sites"], expires = false }
    signals          = { unindexed = [], expires = true }
    site_events      = { unindexed = ["packed"], expires = true }
    sites            = { unindexed = [], expires = false }
  }
  # Firestore answers equalities of several fields, and a range or an order of one, by itself. Only equalities beside an
  # order of another field need an index of their own: its collection and its fields, the one that orders last; whether
  # that goes down, since Firestore reads no index backwards.
  indexes = [
    { collection = "dispatches", fields = ["live", "received_at"], descending = true },
  ]

  # Every write of every document puts a fresh random number into this field.
  write_field = "write_"

  unindexed = merge([
    for collection, fields in local.collections : {
      for field in concat([local.write_field], fields.unindexed) : "${collection}.${field}" => { collection = collection, field = field }
    }
  ]...)
}

resource "google_firestore_database" "this" {
  name                              = var.database
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  deletion_policy                   = "ABANDON"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.this.name
  retention = "${var.backup_days * 86400}s"

  daily_recurrence {}
}

resource "google_firestore_index" "this" {
  for_each = { for index in local.indexes : join(".", concat([index.collection], index.fields)) => index }

  database   = google_firestore_database.this.name
  collection = each.value.collection

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = fields.value
      order      = each.value.descending && fields.value == reverse(each.value.fields)[0] ? "DESCENDING" : "ASCENDING"
    }
  }
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed

  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
}

# The moment of removal rises with time: an index of it would be a hot spot, and nothing asks for it.
resource "google_firestore_field" "expires" {
  for_each = toset([for collection, fields in local.collections : collection if fields.expires])

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "expires_at"

  ttl_config {}
  index_config {}
}
