// SPDX-License-Identifier: Apache-2.0

import java.io.FileInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A workload: java.net.http over JSSE. What it asks for stands in README.md. Arguments: one | several. */
public final class HttpsClient {
	private static final String URL = System.getenv("RUNTIME_URL");
	private final HttpClient client;

	private HttpsClient() throws Exception {
		KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
		authorities.load(null, null);
		try (var file = new FileInputStream(System.getenv("RUNTIME_CA"))) {
			authorities.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
		}
		TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
		trust.init(authorities);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, trust.getTrustManagers(), null);
		client = HttpClient.newBuilder().sslContext(context).build();
	}

	public static void main(String[] arguments) throws Exception {
		HttpsClient asking = new HttpsClient();
		if (arguments[0].equals("one")) {
			asking.get("/one?bytes=200");
		} else {
			asking.get("/small?bytes=300");
			Path body = Path.of(System.getenv("RUNTIME_BODY"));
			asking.ask(HttpRequest.newBuilder(URI.create(URL + "/upload?bytes=17"))
					.POST(HttpRequest.BodyPublishers.ofFile(body)).build());
			asking.get("/large?bytes=150000&framing=until-close&parts=10");
			asking.get("/last?bytes=1000");
		}
		// Its threads and its connections would outlive it for a while.
		System.exit(0);
	}

	private void get(String target) throws Exception {
		ask(HttpRequest.newBuilder(URI.create(URL + target)).GET().build());
	}

	private void ask(HttpRequest request) throws Exception {
		int status = client.send(request, BodyHandlers.ofByteArray()).statusCode();
		if (status != 200) throw new IOException("status " + status);
	}
}
