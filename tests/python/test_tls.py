"""AWS_CA_BUNDLE, as the AWS CLI knows it: behind a proxy that breaks TLS open, its authority is the one to trust."""

import contextlib
import datetime
import ipaddress
import pathlib
import socket
import ssl
import threading
import unittest

import support
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FILE = support.stack() + "[vault.vss]\n"


def certificate(name, key, issuer, issuer_key, *extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def authority_and_server(folder):
    """Writes an authority's certificate, and a server's with its key, as PEM files."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate(
        "authority", authority_key, "authority", authority_key, (x509.BasicConstraints(ca=True, path_length=0), True)
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = certificate("server", server_key, "authority", authority_key, (address, False))
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem) + key)


@contextlib.contextmanager
def tls(folder, url):
    """A loopback port that speaks TLS and hands the bytes on to `url`."""
    port = int(url.rsplit(":", 1)[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def answer(plain):
        with contextlib.suppress(OSError):
            with context.wrap_socket(plain, server_side=True) as inside, socket.create_connection(
                ("127.0.0.1", port)
            ) as outside:
                back = threading.Thread(target=copy, args=(outside, inside), daemon=True)
                back.start()
                copy(inside, outside)
                back.join(timeout=10)

    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


class Bundle(support.FolderCase):
    def test_the_authority_of_aws_ca_bundle_is_trusted_and_no_other(self):
        folder = pathlib.Path(self.folder)
        authority_and_server(folder)
        with support.sandbox(folder) as url, tls(folder, url) as endpoint:
            vssctl = support.Vssctl(folder, endpoint)
            vssctl.environment |= {"AWS_ACCESS_KEY_ID": support.ACCOUNT, "AWS_MAX_ATTEMPTS": "1"}
            vssctl.write(FILE)
            stranger = vssctl.run("plan", expect=1)
            self.assertIn("error: ", stranger.stderr)
            vssctl.environment["AWS_CA_BUNDLE"] = str(folder / "authority.pem")
            self.assertIn("Plan: 1 to add, 0 to change, 0 to destroy.", vssctl.run("plan").stdout)
            (folder / "empty.pem").write_text("")
            for unusable in (folder / "none.pem", folder / "empty.pem"):
                vssctl.environment["AWS_CA_BUNDLE"] = str(unusable)
                self.assertIn(unusable.name, vssctl.run("plan", expect=6).stderr)


if __name__ == "__main__":
    unittest.main()
