//! A device on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::Device;
use crate::http::envelope::{instant, resource};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceAttributes {
    pub worker_id: Uuid,
    pub label: String,
    pub created_at: String,
    /// Only in the answer that makes it: it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Only in the answer that makes it: links that set up an app on the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup: Option<Setup>,
}

/// To be opened on the phone, or shown to it as a QR code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setup {
    pub owntracks: String,
    pub traccar: String,
    pub overland: String,
}

pub fn device_resource(device: &Device, secret: Option<(String, Setup)>) -> Value {
    let (token, setup) = secret.unzip();
    let Device { id, worker, label, created_at, .. } = device;
    let attributes =
        DeviceAttributes { worker_id: worker.0, label: label.clone(), created_at: instant(*created_at), token, setup };
    resource("device", *id, attributes)
}
