#![doc = include_str!("../README.md")]

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Connections through `inner` to hosts that prove who they are.
///
/// # Errors
/// [`Error`] when the cryptography that is compiled in has no cipher suite for TLS.
pub fn verified<C>(inner: C) -> Result<HttpsConnector<C>, Error> {
    let tls = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider())?;
    Ok(tls.https_or_http().enable_all_versions().wrap_connector(inner))
}

/// Connections through `inner` to hosts that may be anyone.
///
/// # Errors
/// As [`verified`].
pub fn unverified<C>(inner: C) -> Result<HttpsConnector<C>, Error> {
    let provider = Arc::new(provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        .with_no_client_auth();
    let tls = HttpsConnectorBuilder::new().with_tls_config(config);
    Ok(tls.https_or_http().enable_all_versions().wrap_connector(inner))
}

/// Named here, because rustls panics when it has to guess between two that other crates enabled.
fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// Takes every certificate for every name. That the other side has the certificate's key is checked all the same.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
