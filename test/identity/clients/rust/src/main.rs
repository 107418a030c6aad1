// SPDX-License-Identifier: Apache-2.0

//! azure_identity: asks for a token twice, and says what it holds. The crate has no chain with managed identity in it.

use azure_core::credentials::TokenCredential;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::{env, time::Instant};

fn selector() -> Option<UserAssignedId> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let client = set("MATRIX_CLIENT_ID").map(UserAssignedId::ClientId);
    client.or_else(|| set("MATRIX_OBJECT_ID").map(UserAssignedId::ObjectId))
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn ask(started: Instant) -> azure_core::Result<Value> {
    let options = ManagedIdentityCredentialOptions { user_assigned_id: selector(), ..Default::default() };
    let credential = ManagedIdentityCredential::new(Some(options))?;
    let scope = format!("{}/.default", env::var("MATRIX_RESOURCE").unwrap_or_default());
    let first = credential.get_token(&[&scope], None).await?;
    let ms = started.elapsed().as_millis();
    let again = credential.get_token(&[&scope], None).await?;
    Ok(json!({
        "fingerprint": digest(first.token.secret()),
        "again": digest(again.token.secret()),
        "expiresAtS": first.expires_on.unix_timestamp(),
        "ms": ms as u64,
    }))
}

/// The error with all that caused it: the words of the broker stand in one of these.
fn described(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", described(cause)),
        None => error.to_string(),
    }
}

#[tokio::main]
async fn main() {
    let started = Instant::now();
    let said = match ask(started).await {
        Ok(held) => held,
        Err(error) => json!({ "error": described(&error), "ms": started.elapsed().as_millis() as u64 }),
    };
    println!("{said}");
}
