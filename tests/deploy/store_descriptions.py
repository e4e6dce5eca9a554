"""What the CRDs of stores say of each field, for `kubectl explain`.

Neighbour: `store_crds` puts them beside the schemas.
"""

from __future__ import annotations

from providers.base import (
    CaProvider,
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)

__all__ = ["BLOCKS", "FIELDS", "SELECTED"]

#: Class of a reference → what it refers to.
SELECTED: dict[type, str] = {
    CaProvider: "Secret or ConfigMap",
    ConfigMapKeySelector: "ConfigMap",
    SecretKeySelector: "Secret",
    ServiceAccountSelector: "ServiceAccount",
    WholeSecretSelector: "Secret",
}

#: Key under `spec.provider` → what the block is.
BLOCKS = {
    "directory": "Files of a folder of the service; only below folders that it allows.",
    "fake": "Values that the store itself holds, for tests.",
    "gcpsm": "Google Cloud Secret Manager.",
    "kubernetes": "Secrets of another cluster, or of another namespace.",
    "openBao": "A KV engine of OpenBao.",
    "vault": "A KV engine of HashiCorp Vault.",
    "webhook": "Any service that answers over HTTP.",
}

#: Name of a field, or class and name where it means something else there.
FIELDS = {
    "accessKeyIDSecretRef": "The access key id.",
    "appRole": "A role id and its secret id.",
    "audience": "Full name of the identity pool's provider.",
    "audiences": "For whom the token is issued.",
    "auth": "Who asks.",
    "authRef": "A kubeconfig, in the place of server and auth.",
    "awsCredentialsSecretRef": "aws_access_key_id, aws_secret_access_key, aws_session_token.",
    "awsSecurityCredentials": "Keys of AWS that the identity pool knows.",
    "bearerToken": "The token.",
    "body": "Body of the request, a Go template.",
    "caBundle": "PEM certificates of the server's authority, in base64.",
    "caProvider": "Where the certificates of the server's authority are kept.",
    "cert": "A client certificate and its key.",
    "certSecretRef": "The certificate; key tls.crt where none is named.",
    "checkAndSet": "Not looked at: every write names the version that it replaces.",
    "clientCert": "The certificate.",
    "clientKey": "The private key of the certificate.",
    "clusterLocation": "Region or zone of the cluster; asked of its machines where empty.",
    "clusterName": "Name of the cluster; asked of its machines where empty.",
    "clusterProjectID": "Whose identity pool is used; the store's project where empty.",
    "credConfig": "An external_account configuration; its audience and account are taken.",
    "data": "The values.",
    "expirationSeconds": "Not used: a login needs the token for a moment only.",
    "externalID": "External ID given when the role is assumed.",
    "externalTokenEndpoint": "URL of a token.",
    "forwardInconsistent": "Have reads that come too early forwarded to the active node.",
    "gcp": "A Google identity, proved by a token that it signed.",
    "gcpServiceAccountEmail": "Account of Google to impersonate.",
    "headers": "Headers of every request.",
    "iam": "An AWS identity, proved by a signed request.",
    "jsonPath": "Where the value is in the answer, a Go template.",
    "jwt": "A JSON Web Token.",
    "key": "Key.",
    "keySecretRef": "The private key; key tls.key where none is named.",
    "kubernetes": "The token of a ServiceAccount.",
    "kubernetesServiceAccountToken": "A token issued for a ServiceAccount.",
    "ldap": "A name and its password in an LDAP directory.",
    "location": "Region of the secrets; the global ones where empty.",
    "method": "HTTP method; GET where empty.",
    "mountPath": "Where the auth method is mounted; kubernetes where empty.",
    "name": "Name.",
    "namespace": "Namespace of the server.",
    "ntlm": "NTLM.",
    "path": "Where it is mounted.",
    "projectID": "Project of Google Cloud.",
    "readYourWrites": "Wait until what was written is seen by reads.",
    "region": "AWS region, such as eu-central-1.",
    "remoteNamespace": "Namespace of the Secrets; default where empty.",
    "required": "Not looked at.",
    "result": "What of the answer is the value.",
    "role": "Role at the server.",
    "roleId": "The role id, as text.",
    "roleRef": "The role id.",
    "secretAccessKeySecretRef": "The secret access key.",
    "secretRef": "The credential.",
    "secretVersionSelectionPolicy": (
        "Where the latest version is disabled or destroyed: fail, or fetch the latest enabled one."
    ),
    "secrets": "Secrets whose keys the templates may use; only with the label "
    "external-secrets.io/type: webhook.",
    "server": "Address of the server.",
    "serviceAccount": "The token of a ServiceAccount.",
    "serviceAccountRef": "The ServiceAccount.",
    "sessionTokenSecretRef": "The session token of temporary keys.",
    "timeout": "Time for a request, such as 10s.",
    "tls": "A client certificate, for servers that want one from everybody.",
    "token": "A bearer token.",
    "tokenSecretRef": "A token of the server.",
    "url": "URL, a Go template.",
    "userPass": "A name and its password at the server.",
    "username": "The name.",
    "validationResult": "What the store says of itself: 0 ready, 1 unknown, 2 an error.",
    "value": "The value.",
    "vaultAwsIamServerID": "Value of the header X-Vault-AWS-IAM-Server-ID.",
    "vaultRole": "Role at the server.",
    "version": "Version.",
    "workloadIdentity": "GKE: the token of a ServiceAccount stands for it at Google.",
    "workloadIdentityFederation": "An identity pool trusts somebody else's tokens.",
    "CaProvider.type": "Kind of the object.",
    "DirectoryConfig.path": "Absolute path of the folder.",
    "GcpSecretRef.secretAccessKeySecretRef": "The key file of a service account.",
    "KubernetesServer.url": "URL of the API server; kubernetes.default where empty.",
    "VaultAuth.namespace": "Namespace in which the login happens; the store's where empty.",
    "VaultConfig.path": "Where the KV engine is mounted; part of each key where empty.",
    "VaultConfig.version": "Version of the KV engine.",
    "VaultGcpAuth.location": "Region of the cluster.",
    "VaultGcpSecretRef.secretAccessKeySecretRef": "The key file of a service account.",
    "VaultIamAuth.role": "Role of AWS that is assumed before the request is signed.",
    "WebhookSecret.name": "Name by which templates call it.",
    "WholeSecretSelector.key": "Not looked at: templates get all keys.",
}
