// SPDX-License-Identifier: Apache-2.0

import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/** azure-identity: asks for a token twice, and says what it holds. */
public final class IdentityClient {
    private static final String CLIENT_ID = System.getenv().getOrDefault("MATRIX_CLIENT_ID", "");
    private static final String OBJECT_ID = System.getenv().getOrDefault("MATRIX_OBJECT_ID", "");

    public static void main(String[] args) throws Exception {
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

    private static TokenCredential credential() {
        if (System.getenv("MATRIX_WAY").equals("chain")) {
            return new DefaultAzureCredentialBuilder().build();
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
