// SPDX-License-Identifier: Apache-2.0

import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.HexFormat;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** azure-identity: asks for a token twice, and says what it holds. */
public final class IdentityClient {
    private static final String CLIENT_ID = System.getenv().getOrDefault("MATRIX_CLIENT_ID", "");
    private static final String OBJECT_ID = System.getenv().getOrDefault("MATRIX_OBJECT_ID", "");

    public static void main(String[] args) throws Exception {
        trust(System.getenv("MATRIX_CA"));
        long startedNs = System.nanoTime();
        try {
            TokenCredential credential = credential();
            TokenRequestContext what =
                    new TokenRequestContext().addScopes(System.getenv("MATRIX_RESOURCE") + "/.default");
            AccessToken first = credential.getTokenSync(what);
            long ms = (System.nanoTime() - startedNs) / 1_000_000;
            AccessToken again = credential.getTokenSync(what);
            System.out.printf(
                    "{\"fingerprint\":\"%s\",\"again\":\"%s\",\"expiresAtS\":%d,\"ms\":%d}%n",
                    digest(first), digest(again), first.getExpiresAt().toEpochSecond(), ms);
        } catch (RuntimeException error) {
            long ms = (System.nanoTime() - startedNs) / 1_000_000;
            System.out.printf("{\"error\":\"%s\",\"ms\":%d}%n", escaped(described(error)), ms);
        }
        System.exit(0);
    }

    /** Java reads no PEM by a setting. */
    private static void trust(String file) throws Exception {
        if (file == null) return;
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream bytes = Files.newInputStream(Path.of(file))) {
            trusted.setCertificateEntry("entra", CertificateFactory.getInstance("X.509").generateCertificate(bytes));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        SSLContext.setDefault(context);
    }

    private static TokenCredential credential() {
        if (System.getenv("MATRIX_WAY").equals("chain")) {
            return new DefaultAzureCredentialBuilder().build();
        }
        if ("workload-identity".equals(System.getenv("MATRIX_CREDENTIAL"))) {
            return new WorkloadIdentityCredentialBuilder().build();
        }
        ManagedIdentityCredentialBuilder direct = new ManagedIdentityCredentialBuilder();
        if (!CLIENT_ID.isEmpty()) direct.clientId(CLIENT_ID);
        if (!OBJECT_ID.isEmpty()) direct.objectId(OBJECT_ID);
        return direct.build();
    }

    private static String digest(AccessToken token) throws Exception {
        byte[] bytes = token.getToken().getBytes(StandardCharsets.US_ASCII);
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** With all that caused it, as a stack trace has it: it says to see there. */
    private static String described(Throwable error) {
        return error.getCause() == null ? error.toString() : error + ": " + described(error.getCause());
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        for (char each : text.toCharArray()) {
            if (each == '"' || each == '\\') out.append('\\').append(each);
            else if (each < ' ') out.append(String.format("\\u%04x", (int) each));
            else out.append(each);
        }
        return out.toString();
    }
}
