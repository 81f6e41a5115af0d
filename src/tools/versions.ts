import type { VersionTable } from './table.ts';

/**
 * What ket offers, newest first. Facts only: every sum and digest stands in each of the named sources
 * (`repository@commit:path`), which are kept by different owners; `scripts/check-versions.ts` checks the form, and
 * `scripts/add-version.ts` adds a release. What has no two such sources is not here.
 */
export const versions: VersionTable = {
  defaults: { kind: 'v0.30.0', kubernetes: '1.34', helm: 'v4.2.4' },
  kind: [
    {
      version: 'v0.32.0',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kind.hcl',
        'cert-manager/makefile-modules@b90303374efd:modules/tools/00_mod.mk',
      ],
      sha256: {
        'linux/amd64': '50030de23cf40a18505f20426f6a8506bedf13c6e509244bd1fa9463721b0f54',
        'linux/arm64': 'b92cd615e97585de8ddade28ed5cd7feb4248d717c233eea5b03c37298900f5d',
        'darwin/amd64': '295ac6d0d634c9819c9907df45e3017d1f13166bd13c3404c45e79f7faa47498',
        'darwin/arm64': 'dca67911095a110c2b5c36e26df6cac860c602033e456c0db47be498cdef1ebb',
      },
      images: [
        {
          kubernetes: 'v1.36.1',
          image:
            'kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5',
          sources: [
            'kubernetes-sigs/kind@v0.32.0:pkg/apis/config/defaults/image.go',
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.36.yaml',
          ],
        },
        {
          kubernetes: 'v1.35.5',
          image:
            'kindest/node:v1.35.5@sha256:ce977ae6d65918d0b58a5f8b5e940429c2ce42fa3a5619ec2bbc60b949c0ac95',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.35.yaml',
          ],
        },
        {
          kubernetes: 'v1.34.8',
          image:
            'kindest/node:v1.34.8@sha256:02722c2dedddcfc00febf5d27fbeb9b7b2c14294c82109ff4a85d89ac9ba3256',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.34.yaml',
          ],
        },
        {
          kubernetes: 'v1.33.12',
          image:
            'kindest/node:v1.33.12@sha256:3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.33.yaml',
          ],
        },
      ],
    },
    {
      version: 'v0.31.0',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kind.hcl',
        'cert-manager/makefile-modules@23c5271464ba:modules/tools/00_mod.mk',
        'cybozu-go/moco@2931125c65fc:aqua-checksums.json',
      ],
      sha256: {
        'linux/amd64': 'eb244cbafcc157dff60cf68693c14c9a75c4e6e6fedaf9cd71c58117cb93e3fa',
        'linux/arm64': '8e1014e87c34901cc422a1445866835d1e666f2a61301c27e722bdeab5a1f7e4',
        'darwin/amd64': 'a8b3cf77b2ad77aec5bf710d1a2589d9117576132af812885cad41e9dede4d4e',
        'darwin/arm64': '88bf554fe9da6311c9f8c2d082613c002911a476f6b5090e9420b35d84e70c5c',
      },
      images: [
        {
          kubernetes: 'v1.35.0',
          image:
            'kindest/node:v1.35.0@sha256:452d707d4862f52530247495d180205e029056831160e22870e37e3f6c1ac31f',
          sources: [
            'kubernetes-sigs/kind@v0.31.0:pkg/apis/config/defaults/image.go',
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.34.3',
          image:
            'kindest/node:v1.34.3@sha256:08497ee19eace7b4b5348db5c6a1591d7752b164530a36f855cb0f2bdcbadd48',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.33.7',
          image:
            'kindest/node:v1.33.7@sha256:d26ef333bdb2cbe9862a0f7c3803ecc7b4303d8cea8e814b481b09949d353040',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.32.11',
          image:
            'kindest/node:v1.32.11@sha256:5fc52d52a7b9574015299724bd68f183702956aa4a2116ae75a63cb574b35af8',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.32.yaml',
          ],
        },
        {
          kubernetes: 'v1.31.14',
          image:
            'kindest/node:v1.31.14@sha256:6f86cf509dbb42767b6e79debc3f2c32e4ee01386f0489b3b2be24b0a55aac2b',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.31.yaml',
          ],
        },
      ],
    },
    {
      version: 'v0.30.0',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kind.hcl',
        'cert-manager/makefile-modules@aea9bb0aa234:modules/tools/00_mod.mk',
        'f110/mono@119c87a36a96:build/private/kind/assets.bzl',
      ],
      sha256: {
        'linux/amd64': '517ab7fc89ddeed5fa65abf71530d90648d9638ef0c4cde22c2c11f8097b8889',
        'linux/arm64': '7ea2de9d2d190022ed4a8a4e3ac0636c8a455e460b9a13ccf19f15d07f4f00eb',
        'darwin/amd64': '4f0b6e3b88bdc66d922c08469f05ef507d4903dd236e6319199bb9c868eed274',
        'darwin/arm64': 'ceaf40df1d1551c481fb50e3deb5c3deecad5fd599df5469626b70ddf52a1518',
      },
      images: [
        {
          kubernetes: 'v1.34.0',
          image:
            'kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a',
          sources: [
            'kubernetes-sigs/kind@v0.30.0:pkg/apis/config/defaults/image.go',
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.33.4',
          image:
            'kindest/node:v1.33.4@sha256:25a6018e48dfcaee478f4a59af81157a437f15e6e140bf103f85a2e7cd0cbbf2',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.32.8',
          image:
            'kindest/node:v1.32.8@sha256:abd489f042d2b644e2d033f5c2d900bc707798d075e8186cb65e3f1367a9d5a1',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.31.12',
          image:
            'kindest/node:v1.31.12@sha256:0f5cc49c5e73c0c2bb6e2df56e7df189240d83cf94edfa30946482eb08ec57d2',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
      ],
    },
    {
      version: 'v0.29.0',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kind.hcl',
        'cert-manager/makefile-modules@9df4a6f38c44:modules/tools/00_mod.mk',
        'f110/mono@119c87a36a96:build/private/kind/assets.bzl',
      ],
      sha256: {
        'linux/amd64': 'c72eda46430f065fb45c5f70e7c957cc9209402ef309294821978677c8fb3284',
        'linux/arm64': '03d45095dbd9cc1689f179a3e5e5da24b77c2d1b257d7645abf1b4174bebcf2a',
        'darwin/amd64': '3eb0d4de25b854f34ea8ce8a3cbe15054fc03bc962b03e96fd10664b829fb6ed',
        'darwin/arm64': '314d8f1428842fd1ba2110fd0052a0f0b3ab5773ab1bdcdad1ff036e913310c9',
      },
      images: [
        {
          kubernetes: 'v1.33.1',
          image:
            'kindest/node:v1.33.1@sha256:050072256b9a903bd914c0b2866828150cb229cea0efe5892e2b644d5dd3b34f',
          sources: [
            'kubernetes-sigs/kind@v0.29.0:pkg/apis/config/defaults/image.go',
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.32.5',
          image:
            'kindest/node:v1.32.5@sha256:e3b2327e3a5ab8c76f5ece68936e4cafaa82edf58486b769727ab0b3b97a5b0d',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.31.9',
          image:
            'kindest/node:v1.31.9@sha256:b94a3a6c06198d17f59cca8c6f486236fa05e2fb359cbd75dabbfc348a10b211',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.30.13',
          image:
            'kindest/node:v1.30.13@sha256:397209b3d947d154f6641f2d0ce8d473732bd91c87d9575ade99049aa33cd648',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.30.yaml',
          ],
        },
      ],
    },
    {
      version: 'v0.27.0',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kind.hcl',
        'cert-manager/makefile-modules@b7b26d582f37:modules/tools/00_mod.mk',
        'f110/mono@119c87a36a96:build/private/kind/assets.bzl',
      ],
      sha256: {
        'linux/amd64': 'a6875aaea358acf0ac07786b1a6755d08fd640f4c79b7a2e46681cc13f49a04b',
        'linux/arm64': '5e4507a41c69679562610b1be82ba4f80693a7826f4e9c6e39236169a3e4f9d0',
        'darwin/amd64': '3435134325b6b9406ccfec417b13bb46a808fc74e9a2ebb0ca31b379c8293863',
        'darwin/arm64': '5240ca1acb587e1d0386532dd8c3373d81f5173b5af322919fc56f0cdd646596',
      },
      images: [
        {
          kubernetes: 'v1.32.2',
          image:
            'kindest/node:v1.32.2@sha256:f226345927d7e348497136874b6d207e0b32cc52154ad8323129352923a3142f',
          sources: [
            'kubernetes-sigs/kind@v0.27.0:pkg/apis/config/defaults/image.go',
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.30.10',
          image:
            'kindest/node:v1.30.10@sha256:4de75d0e82481ea846c0ed1de86328d821c1e6a6a91ac37bf804e5313670e507',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
          ],
        },
        {
          kubernetes: 'v1.29.14',
          image:
            'kindest/node:v1.29.14@sha256:8703bd94ee24e51b778d5556ae310c6c0fa67d761fae6379c8e0bb480e6fea29',
          sources: [
            'kubernetes-sigs/cluster-api@ae7ff047db49:test/infrastructure/kind/mapper.go',
            'tilt-dev/ctlptl@b92b38fd6b25:pkg/cluster/admin_kind.go',
            'open-telemetry/opentelemetry-operator@be8944414a87:kind-1.29.yaml',
          ],
        },
      ],
    },
  ],
  kubectl: [
    {
      version: 'v1.36.4',
      sources: [
        'cert-manager/makefile-modules@b90303374efd:modules/tools/00_mod.mk',
        'kubernetes-sigs/kubespray@46dbdd3994b3:roles/kubespray_defaults/vars/main/checksums.yml',
      ],
      sha256: {
        'linux/amd64': '8b8f088da2dab964f853b38464033b1be15ede2839eca751482357c45abdd05a',
        'linux/arm64': '0ecf44450ee6063bf19dd166a103ee6df4a9034455c2abce626e6eea657d73fb',
      },
    },
    {
      version: 'v1.35.3',
      sources: [
        'cert-manager/makefile-modules@c805d7d12a9a:modules/tools/00_mod.mk',
        'cybozu-go/moco@2931125c65fc:aqua-checksums.json',
      ],
      sha256: {
        'linux/amd64': 'fd31c7d7129260e608f6faf92d5984c3267ad0b5ead3bced2fe125686e286ad6',
        'linux/arm64': '6f0cd088a82dde5d5807122056069e2fac4ed447cc518efc055547ae46525f14',
        'darwin/amd64': '2f339b1eae2e1792ec08da281b37afbeee94f70bed6b7398e7efd81ba08f8d37',
        'darwin/arm64': '280651239d84bab214ba83403666bf6976a5fa0dbdb41404f26eb6f276d34963',
      },
    },
    {
      version: 'v1.34.4',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': 'd50c359d95e0841eaad08ddc27c7be37cba8fdccfba5c8e2ded65e121ff112db',
        'linux/arm64': '5b982c0644ab1e27780246b9085a5886651b4a7ed86243acbb2bacc1bea01dda',
        'darwin/amd64': '9861e775578651d903a779f840ff8e4c0013ae29a1ffc67f05d967262fcf734c',
        'darwin/arm64': 'd9b239414a5fdf624835bfb62eef28a0885f1645d579f98056a9ab3293f51f87',
      },
    },
    {
      version: 'v1.33.8',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': '7f9c3faab7c9f9cc3f318d49eb88efc60eb3b3a7ce9eee5feb39b1280e108a29',
        'linux/arm64': '76e284669f1f6343bd9fe2a011757809c8c01cf51da9f85ee6ef4eb93c8393a8',
        'darwin/amd64': '713ceda90ca7d0de8ce70f74f6613064a74a47a7a8b2cffe3785f9b3f4a61ecc',
        'darwin/arm64': 'a43be01c74267e2748ddfdeaa33eeda6dbe073b6f369df6b3ffcfdc6843f7ad9',
      },
    },
    {
      version: 'v1.32.12',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': 'adac5674d19f47ed3f0620bfeb1932d3d5f4557d49f311f6f65b6b75e0721ee1',
        'linux/arm64': '86fa465134c54de6202d89d41eb89504810236cc968e1402a31f3674f66ffdbd',
        'darwin/amd64': '784afed9df776945578dc3be1fc1fa4154badbee5699c2954bd0643315ce00aa',
        'darwin/arm64': '2e59daf8dc865e68ce61a0e00a97ac0fb900fc250c6c25355f7592c3d6cf8ab7',
      },
    },
    {
      version: 'v1.31.5',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': 'fbecbfd375b3686002c2e81d51c390172f5ffba3d6b47920d55342cb03f557af',
        'linux/arm64': '697c8b4239f9e53cba46296e114bcc02c726b5c7a45e1c464804aad56e5c7a86',
        'darwin/amd64': 'e0f4edff8de64d2b94529c419154e649c091d5a3a977a4c4919bf895d16c09af',
        'darwin/arm64': '96e50f591db5212b50fde1f77b2c0f73c936340d83c92d2c412f0e8379e70079',
      },
    },
    {
      version: 'v1.30.9',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': 'd77041f285d9237c4aa451370c3ec6e5c042007dbb55c894f0a179b1d149bf32',
        'linux/arm64': 'bab82f333f6347507a4c725bc726fefd3d862eb64a36a4fb8b99bfe9e10813d0',
        'darwin/amd64': 'c9d48ee4e232d20b05d643718778ad341d7630eff2599d93dc2b4f436bebf698',
        'darwin/arm64': '9a8b44423685775029474c945760b5e73e763b1b8ad5df51cd0e9a92e3f0e990',
      },
    },
    {
      version: 'v1.29.3',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:kubectl.hcl',
        'andrewrothstein/ansible-kubectl@42c81aea7a98:defaults/main.yml',
      ],
      sha256: {
        'linux/amd64': '89c0435cec75278f84b62b848b8c0d3e15897d6947b6c59a49ddccd93d7312bf',
        'linux/arm64': '191a96b27e3c6ae28b330da4c9bfefc9592762670727df4fcf124c9f1d5a466a',
        'darwin/amd64': '1a1f9040bce74fb28c475dc157a86565fcabf883a697ca576993ab8372935836',
        'darwin/arm64': 'b54bf7a3f4d52117b79e4d4f0d7273a93cb60bad54a87f3ab35c6800243cbb8e',
      },
    },
  ],
  helm: [
    {
      version: 'v4.2.4',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'argoproj/argo-cd@37ee0097cf85:hack/installers/checksums/helm-v4.2.4-{os}-{arch}.tar.gz.sha256',
        'cert-manager/makefile-modules@b90303374efd:modules/tools/00_mod.mk',
      ],
      sha256: {
        'linux/amd64': 'c306b46f719b0a4da32d0f78ee21bf90ce8d602f15b22ab753f0674d1670a7f3',
        'linux/arm64': '564de2191b881e9f71b5606b25345821ea1682f06ab90499d3ab22b530176da1',
        'darwin/amd64': '6c163d687ca03c3b5c01928e53bbbcf9518278f47ce7a2f249a5a08e8bdaa2bc',
        'darwin/arm64': 'd747eb4e28bd2727173d15b759fa0a17822291ec09db7ced3d55af290a3661a2',
      },
    },
    {
      version: 'v4.2.3',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'argoproj/argo-cd@37ee0097cf85:hack/installers/checksums/helm-v4.2.3-{os}-{arch}.tar.gz.sha256',
        'cert-manager/makefile-modules@b514cb5c3841:modules/tools/00_mod.mk',
      ],
      sha256: {
        'linux/amd64': 'e9b88b4ee95b18c706839c28d3a0220e5bc470e9cd9262410c90793c45ff8b7c',
        'linux/arm64': '21abd9354d39b2cd79a8d76be6912cd137a983cbf997193503fb8a6a6e2f2785',
        'darwin/amd64': 'ff3ac86755a45f3422473bc1200776aac0fe04c5766abe6ca66699f7b564b23b',
        'darwin/arm64': '048ecf5ad3160f83d918f9fe945238d2132b079640f7b106175331c25f242c64',
      },
    },
    {
      version: 'v4.1.4',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'cert-manager/makefile-modules@e3acfa3b2a6f:modules/tools/00_mod.mk',
      ],
      sha256: {
        'linux/amd64': '70b2c30a19da4db264dfd68c8a3664e05093a361cefd89572ffb36f8abfa3d09',
        'linux/arm64': '13d03672be289045d2ff00e4e345d61de1c6f21c1257a45955a30e8ae036d8f1',
        'darwin/amd64': 'abf09c8503ad1d8ef76d3737a058c3456a998aae5f5966fce4bb3031aeb1654e',
        'darwin/arm64': '7c2eca678e8001fa863cdf8cbf6ac1b3799f9404a89eb55c08260ef5732e658d',
      },
    },
    {
      version: 'v4.0.5',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'cert-manager/makefile-modules@97598fb723db:modules/tools/00_mod.mk',
      ],
      sha256: {
        'linux/amd64': '730e4e9fbff94168249ddd0b9b1b8c357b7f64815462dd88c6b39f09bf18b814',
        'linux/arm64': '206a7747702d13994a93629eaed4259bd9d0aec6e23ca52d640f47f7edfdc863',
        'darwin/amd64': '270d906140eadbe95584d2cebae1fa0e46950027d82de0c4db937dc936b564a6',
        'darwin/arm64': 'b4d04ccf68004604e13878fce4a893711490914512f8759879f848136a9f5fca',
      },
    },
    {
      version: 'v3.19.2',
      sources: [
        'argoproj/argo-cd@37ee0097cf85:hack/installers/checksums/helm-v3.19.2-{os}-{arch}.tar.gz.sha256',
        'cert-manager/makefile-modules@a6d8506fe53f:modules/tools/00_mod.mk',
        'abrisco/rules_helm@ec0acf952bf6:helm/private/versions.bzl',
      ],
      sha256: {
        'linux/amd64': '2114c9dea2844dce6d0ee2d792a9aae846be8cf53d5b19dc2988b5a0e8fec26e',
        'linux/arm64': '566e9f3a5a83a81e4b03503ae37e368edd52d699619e8a9bb1fdf21561ae0e88',
        'darwin/amd64': '7ef4416cdef4c2d78a09e1c8f07a51e945dc0343c883a46b1f628deab52690b7',
        'darwin/arm64': 'f0847f899479b66a6dd8d9fcd452e8db2562e4cf3f7de28103f9fcf2b824f1d5',
      },
    },
    {
      version: 'v3.18.6',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'cert-manager/makefile-modules@cbee2015742c:modules/tools/00_mod.mk',
        'cybozu-go/moco@2931125c65fc:aqua-checksums.json',
      ],
      sha256: {
        'linux/amd64': '3f43c0aa57243852dd542493a0f54f1396c0bc8ec7296bbb2c01e802010819ce',
        'linux/arm64': '5b8e00b6709caab466cbbb0bc29ee09059b8dc9417991dd04b497530e49b1737',
        'darwin/amd64': '80cad0470e38cf25731cdead7c32dfbeb887bc177bd6fa01e31b065722f8f06b',
        'darwin/arm64': '48e30d236a1f334c6acb78501be5a851eaa2a267fefeb1131b6484eb2f9f30d7',
      },
    },
    {
      version: 'v3.17.3',
      sources: [
        'cashapp/hermit-packages@f0517fd7532f:helm.hcl',
        'abrisco/rules_helm@ec0acf952bf6:helm/private/versions.bzl',
      ],
      sha256: {
        'linux/amd64': 'ee88b3c851ae6466a3de507f7be73fe94d54cbf2987cbaa3d1a3832ea331f2cd',
        'linux/arm64': '7944e3defd386c76fd92d9e6fec5c2d65a323f6fadc19bfb5e704e3eee10348e',
        'darwin/amd64': '20ef8df4671349a6fc556a621be1170dd709c6c0cf5f7e83a2d9fb0515fd97fc',
        'darwin/arm64': '89aec43ce07b06239f1bba4a6507236bb48ae487bc5065a8e254d3ce58a16997',
      },
    },
  ],
};
