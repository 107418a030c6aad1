// SPDX-License-Identifier: Apache-2.0

//! A workload: reqwest, over rustls or over native-tls as it was built. What it asks for stands in README.md.
//!
//!     runtimes one | several
use reqwest::blocking::Client;
use reqwest::Certificate;
use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("RUNTIME_URL")?;
    let authority = Certificate::from_pem(&fs::read(env::var("RUNTIME_CA")?)?)?;
    let client = Client::builder()
        .add_root_certificate(authority)
        .no_proxy()
        .build()?;
    let get = |target: &str| -> Result<(), reqwest::Error> {
        client
            .get(format!("{url}{target}"))
            .send()?
            .error_for_status()?
            .bytes()?;
        Ok(())
    };
    if env::args().nth(1).as_deref() == Some("one") {
        return Ok(get("/one?bytes=200")?);
    }
    get("/small?bytes=300")?;
    let body = fs::read(env::var("RUNTIME_BODY")?)?;
    client
        .post(format!("{url}/upload?bytes=17"))
        .body(body)
        .send()?
        .error_for_status()?
        .bytes()?;
    get("/large?bytes=150000&framing=until-close&parts=10")?;
    Ok(get("/last?bytes=1000")?)
}
