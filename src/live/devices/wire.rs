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
    /// Only in the answer that makes it: the same links as pictures (SVG).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<Qr>,
}

/// To be opened on the phone; `qr` shows them to its camera.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Setup {
    pub owntracks: String,
    pub traccar: String,
    pub overland: String,
    /// For apps with Transistor Software's background geolocation: their `url`.
    pub transistor: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Qr {
    pub owntracks: String,
    pub traccar: String,
    pub overland: String,
}

/// What is told once, to whoever made the device.
#[derive(Clone)]
pub struct Secret {
    pub token: String,
    pub setup: Setup,
    pub qr: Option<Qr>,
}

pub fn device_resource(device: &Device, secret: Option<Secret>) -> Value {
    let (token, links) = secret.map(|Secret { token, setup, qr }| (token, (setup, qr))).unzip();
    let (setup, qr) = links.unzip();
    let Device { id, worker, label, created_at, .. } = device;
    let (worker_id, label, created_at) = (worker.0, label.clone(), instant(*created_at));
    resource("device", *id, DeviceAttributes { worker_id, label, created_at, token, setup, qr: qr.flatten() })
}
